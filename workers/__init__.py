"""Does the work. Bus and Azure rights; cannot speak."""
