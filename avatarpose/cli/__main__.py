"""`python -m avatarpose.cli`: the command line without the installed script."""

import sys

from avatarpose.cli import main

sys.exit(main())
