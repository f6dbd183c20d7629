"""What on-call is told that is no question: messages put aside, reports, drafted rules, pages."""
