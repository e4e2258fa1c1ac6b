"""Days, months and terms as the school counts them; the apps above say which time zone and which terms."""
