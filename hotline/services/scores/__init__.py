"""Scores that can be defended: the rule, what each case is worth, what it adds up to, appeals, closed periods, recounting."""
