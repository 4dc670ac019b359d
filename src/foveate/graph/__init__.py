"""A network written out as the operations that make it: shapes, costs, fields, arithmetic, drawings."""
