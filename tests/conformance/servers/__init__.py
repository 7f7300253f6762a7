"""Sound servers written from the documents alone: nothing comes from the stub or the suite."""
