"""Spring files and the environment, read into DTOs."""
