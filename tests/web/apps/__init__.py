"""The applications that the servers of these tests run; each relays what `dify=` names."""
