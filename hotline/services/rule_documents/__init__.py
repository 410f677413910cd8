"""City rules that administrators write as text: read and checked, compared with what is in force, put in force as an edition."""
