"""What is neither product nor test: the wheel check, the errors page, the screenshot."""
