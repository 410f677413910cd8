"""What decisions teach the model, and how models are compared, promoted and watched."""
