"""The pure core: everything that decides, and nothing that reads, writes, waits or draws lots of its own."""
