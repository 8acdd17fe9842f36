"""The command `dify-chat`."""
