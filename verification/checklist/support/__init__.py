"""What several checks share: the context, what a check is, looking into pods."""
