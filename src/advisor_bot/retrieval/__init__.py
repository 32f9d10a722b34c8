"""Conversation and question -> a stand-alone query -> passages and their sentences."""
