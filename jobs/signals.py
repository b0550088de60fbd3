"""The one hint jobs gives upwards: something worth telling was committed."""

from django.dispatch import Signal

transition_recorded = Signal()
