"""python -m tests.benchmarks"""

from .stream_cost import main

if __name__ == "__main__":
    main()
