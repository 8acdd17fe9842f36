"""What stands in for a language model: stubbed replies, a model elsewhere, fixed prose."""
