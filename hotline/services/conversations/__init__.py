"""Citizens who write: threads, what is answered by itself, whose a thread is."""
