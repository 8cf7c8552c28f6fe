"""Measurements that anyone can repeat: quality against the original, growth of time and memory."""
