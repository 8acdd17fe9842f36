"""What a type checker sees of the package, and the script that writes the stubs it reads."""
