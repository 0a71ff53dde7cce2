"""The rooms of clocks, entropy and sleep: stacks on asyncio, in real time and in virtual time."""
