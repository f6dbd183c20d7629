"""What both processes need before they do anything: settings, logs, and an orderly end."""
