"""The only folder with sockets, time, threads and aiohttp: it reads, writes and waits, and decides nothing."""
