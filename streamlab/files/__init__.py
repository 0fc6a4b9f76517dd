"""What lives on disk: scenarios, the shipped library, and their schema."""
