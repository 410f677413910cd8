"""Ways beside the main line: not ours, handed to 110, withdrawn, appealed, put right, and numbers that are not served."""
