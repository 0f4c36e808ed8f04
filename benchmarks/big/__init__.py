"""How the stages grow from a thousand pictures to a million, and how long ten million take to be asked for."""
