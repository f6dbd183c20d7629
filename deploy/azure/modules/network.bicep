metadata description = 'A network of its own: containers in one subnet, private endpoints in the other, and their names.'

param name string
param location string
param tags object

@description('Subnet of the containers: at least a /27.')
param apps string

@description('Subnet of the private endpoints.')
param endpoints string

@description('Zone of the names of Azure Managed Redis.')
param redisZoneName string

@description('Service Bus has a private endpoint only in Premium.')
param withServiceBus bool

@description('The audit is copied into a storage account that is made here.')
param withArchive bool

// Names of the zones in each cloud: https://learn.microsoft.com/azure/private-link/private-endpoint-dns
var zones = {
  AzureCloud: {
    serviceBus: 'privatelink.servicebus.windows.net'
    keyVault: 'privatelink.vaultcore.azure.net'
    blob: 'privatelink.blob.core.windows.net'
  }
  AzureUSGovernment: {
    serviceBus: 'privatelink.servicebus.usgovcloudapi.net'
    keyVault: 'privatelink.vaultcore.usgovcloudapi.net'
    blob: 'privatelink.blob.core.usgovcloudapi.net'
  }
  AzureChinaCloud: {
    serviceBus: 'privatelink.servicebus.chinacloudapi.cn'
    keyVault: 'privatelink.vaultcore.azure.cn'
    blob: 'privatelink.blob.core.chinacloudapi.cn'
  }
}
var named = zones[environment().name]

resource onlyApps 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'containers'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: apps
          sourcePortRange: '*'
          destinationAddressPrefix: endpoints
          // Key Vault and Storage; AMQP with TLS; Redis, whose nodes listen from 8500 on.
          destinationPortRanges: [
            '443'
            '5671'
            '8500-8599'
            '10000'
          ]
        }
      }
      {
        name: 'nobody-else'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        apps
        endpoints
      ]
    }
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: apps
          delegations: [
            {
              name: 'containers'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpoints
          privateEndpointNetworkPolicies: 'Enabled'
          networkSecurityGroup: {
            id: onlyApps.id
          }
        }
      }
    ]
  }
}

resource redisZone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: redisZoneName
  location: 'global'
  tags: tags
}

resource redisLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: redisZone
  name: 'vnet-${name}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}

resource keyVaultZone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: named.keyVault
  location: 'global'
  tags: tags
}

resource keyVaultLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: keyVaultZone
  name: 'vnet-${name}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}

resource serviceBusZone 'Microsoft.Network/privateDnsZones@2024-06-01' = if (withServiceBus) {
  name: named.serviceBus
  location: 'global'
  tags: tags
}

resource serviceBusLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = if (withServiceBus) {
  parent: serviceBusZone
  name: 'vnet-${name}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}

resource blobZone 'Microsoft.Network/privateDnsZones@2024-06-01' = if (withArchive) {
  name: named.blob
  location: 'global'
  tags: tags
}

resource blobLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = if (withArchive) {
  parent: blobZone
  name: 'vnet-${name}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}

output appsSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'apps')
output endpointsSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'endpoints')
output redisZoneId string = redisZone.id
output keyVaultZoneId string = keyVaultZone.id
output serviceBusZoneId string = withServiceBus ? serviceBusZone.id : ''
output blobZoneId string = withArchive ? blobZone.id : ''
