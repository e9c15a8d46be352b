"""The event loop of a worker, and the greenlets that let it go on while they wait."""
