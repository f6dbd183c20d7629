"""That no start is missed, and no question is left that Azure has answered."""
