"""How results are told: charts, tables, words, pages."""
