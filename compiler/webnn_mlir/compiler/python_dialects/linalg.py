"""The Linalg dialect, without classes for its ops: to define them takes the bindings a tenth of a second."""
