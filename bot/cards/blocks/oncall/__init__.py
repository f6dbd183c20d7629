"""Cards of on-call's channel that ask no owner anything."""
