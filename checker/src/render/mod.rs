//! Shows a diagnosis: to a person at a terminal, to a program, to a person with a browser. Pure.
