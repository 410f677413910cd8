"""Who is on duty for a unit, and how the duty person learns of a case: message, deputy, a call with a key to sign."""
