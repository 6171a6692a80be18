"""Other checkers of asynchronous code, and how their findings compare with the corpus's labels."""
