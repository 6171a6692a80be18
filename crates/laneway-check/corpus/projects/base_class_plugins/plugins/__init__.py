from plugins.base import Plugin as Plugin
from plugins.weather import Weather as Weather
