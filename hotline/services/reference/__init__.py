"""分类和单位: the tree of categories in editions, the units beside it; looked at, changed, and compared before a change."""
