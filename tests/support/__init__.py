"""What tests of several wings share: servers, clients and processes at the other end."""

TIMEOUT = 30.0  # seconds after which a test that waits in vain fails
