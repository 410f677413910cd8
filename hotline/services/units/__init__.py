"""What units do with a case beside signing and answering it."""
