"""An engineer that plans with a language model: prompts and cards as files, answers as typed recipes."""
