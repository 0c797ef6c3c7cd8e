#!/usr/bin/python3
"""Every benchmark, one after the other: http.py and tls.py (against nginx and HAProxy) and l4.py (against nftables). Each prints its tables to
standard output; one that cannot run here says why and does not stop the others. About three minutes; see each file for its knobs."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ["http.py", "tls.py", "l4.py"]


def main():
    failed = [part for part in PARTS if subprocess.run([sys.executable, os.path.join(HERE, part)]).returncode not in (0, 77)]
    if failed:
        sys.exit("failed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
