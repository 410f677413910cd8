"""同一事件: several citizens tell of one happening; it is handled once, and each of them is answered and asked."""
