"""The few fields of coded pictures that decide where decoding may start and what is lost."""
