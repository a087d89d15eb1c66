"""What vehicles say to each other and agree on, whatever carries their messages."""
