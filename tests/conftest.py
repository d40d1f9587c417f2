"""No test may reach a model hub, whatever the machine's settings are."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub is imported, which reads it once
