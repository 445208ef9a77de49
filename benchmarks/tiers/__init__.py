"""Everybody's tier computed anew, beside Python over the ORM and one bare SQL statement."""
