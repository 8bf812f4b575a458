"""Work on text that anybody wrote with libraries that may hang on it: done in a process that can be killed."""
