"""The gateways of text messages, each one file: a provider's form of messages, receipts and sending, and nothing else."""
