"""webnn-conformance: a corpus of graphs and API calls, against what each must give."""
