"""The steps from each version of the tables to the next. There is no way back: restore the copy you made before."""
