"""An OpenAI-compatible fine-tuning API that runs jobs through their lives: demo, tests, load and faults.

It imports nothing of the dashboard, which reaches it over HTTP like any other provider.
"""
