"""The journal, off until the owner turns it on: what was asked, masked, for as long as the owner says; the report."""
